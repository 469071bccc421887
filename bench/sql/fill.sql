-- Fills a database of trade with users that hold positions, each the sum of its trades: fill.users users with fill.positions
-- positions of fill.trades buys each. Users are named as the load driver names them. This file, order.sql and batch.sql are the
-- ones to change when the tables of trade do.

insert into accounts (user_id)
select 'user-' || lpad(number::text, 7, '0')
from generate_series(0, current_setting('fill.users')::integer - 1) as numbers (number);

insert into portfolio (
    user_id,
    symbol,
    quantity,
    cost_basis,
    realized_pnl,
    updated_at
)
select
    'user-' || lpad(number::text, 7, '0'),
    symbol,
    3 * current_setting('fill.trades')::integer,
    3 * 189.25 * current_setting('fill.trades')::integer,
    0,
    now()
from generate_series(0, current_setting('fill.users')::integer - 1) as numbers (number)
cross join unnest(
    (array['AAPL', 'AMZN', 'GOOGL', 'JNJ', 'JPM', 'MSFT', 'NVDA', 'TSLA', 'V', 'XOM'])
    [1 : current_setting('fill.positions')::integer]
) as symbols (symbol);

-- The ids are UUIDv7, a millisecond apart and the last one a second ago.
insert into trades (
    id,
    user_id,
    symbol,
    side,
    quantity,
    price,
    total,
    realized_pnl,
    executed_at
)
select
    (
        lpad(to_hex((extract(epoch from executed_at) * 1000)::bigint), 12, '0')
        || '7'
        || lpad(to_hex(place & 4095), 3, '0')
        || '8'
        || lpad(to_hex(place), 15, '0')
    )::uuid,
    user_id,
    symbol,
    'buy',
    3,
    189.25,
    3 * 189.25,
    null,
    executed_at
from (
    select
        user_id,
        symbol,
        place,
        now() - interval '1 second' - interval '1 millisecond' * (total - place) as executed_at
    from (
        select
            portfolio.user_id,
            portfolio.symbol,
            row_number() over () as place,
            count(*) over () as total
        from portfolio
        cross join generate_series(1, current_setting('fill.trades')::integer)
    ) as placed
) as timed;
