-- A hundred orders a transaction, a statement a table: what PostgreSQL can do without a service. The users of a batch are
-- different ones (7919 is prime to their number), and locked in order.
\set seed random(0, 1000000000)
begin;
insert into trades (id, user_id, symbol, side, quantity, price, total, realized_pnl, executed_at) select gen_random_uuid(), 'user-' || lpad(((:seed::bigint + place * 7919) % :users::bigint)::text, 7, '0'), (array['AAPL', 'AMZN', 'GOOGL', 'JNJ', 'JPM', 'MSFT', 'NVDA', 'TSLA', 'V', 'XOM'])[((:seed::bigint + place) % 10 + 1)::integer], 'buy', 3, 189.25, 3 * 189.25, null, now() from generate_series(1, 100) as places (place);
insert into portfolio (user_id, symbol, quantity, cost_basis, realized_pnl, updated_at) select 'user-' || lpad(((:seed::bigint + place * 7919) % :users::bigint)::text, 7, '0') as user_id, (array['AAPL', 'AMZN', 'GOOGL', 'JNJ', 'JPM', 'MSFT', 'NVDA', 'TSLA', 'V', 'XOM'])[((:seed::bigint + place) % 10 + 1)::integer], 3, 3 * 189.25, 0, now() from generate_series(1, 100) as places (place) order by user_id on conflict (user_id, symbol) do update set quantity = portfolio.quantity + excluded.quantity, cost_basis = portfolio.cost_basis + excluded.cost_basis, updated_at = excluded.updated_at;
commit;
