-- One order a transaction, in two statements: what an application without batches sends.
\set user random(0, :users - 1)
\set symbol random(1, 10)
begin;
insert into trades (id, user_id, symbol, side, quantity, price, total, realized_pnl, executed_at) values (gen_random_uuid(), 'user-' || lpad(:user::text, 7, '0'), (array['AAPL', 'AMZN', 'GOOGL', 'JNJ', 'JPM', 'MSFT', 'NVDA', 'TSLA', 'V', 'XOM'])[:symbol::integer], 'buy', 3, 189.25, 3 * 189.25, null, now());
insert into portfolio (user_id, symbol, quantity, cost_basis, realized_pnl, updated_at) values ('user-' || lpad(:user::text, 7, '0'), (array['AAPL', 'AMZN', 'GOOGL', 'JNJ', 'JPM', 'MSFT', 'NVDA', 'TSLA', 'V', 'XOM'])[:symbol::integer], 3, 3 * 189.25, 0, now()) on conflict (user_id, symbol) do update set quantity = portfolio.quantity + excluded.quantity, cost_basis = portfolio.cost_basis + excluded.cost_basis, updated_at = excluded.updated_at;
commit;
