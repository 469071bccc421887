-- Writes what a batch of orders changed; says how many rows each part touched.
with
new_trades as (
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
    select *
    from unnest(
        $1::uuid[],
        $2::text[],
        $3::text[],
        $4::text[],
        $5::numeric[],
        $6::numeric[],
        $7::numeric[],
        $8::numeric[],
        $9::timestamptz[]
    )
    returning 1
),
open_positions as (
    insert into portfolio (
        user_id,
        symbol,
        quantity,
        cost_basis,
        realized_pnl,
        updated_at
    )
    select *
    from unnest(
        $10::text[],
        $11::text[],
        $12::numeric[],
        $13::numeric[],
        $14::numeric[],
        $15::timestamptz[]
    )
    on conflict (user_id, symbol) do update
    set
        quantity = excluded.quantity,
        cost_basis = excluded.cost_basis,
        realized_pnl = excluded.realized_pnl,
        updated_at = excluded.updated_at
    returning 1
),
closed_positions as (
    delete from portfolio
    using unnest($16::text[], $17::text[]) as closed (user_id, symbol)
    where portfolio.user_id = closed.user_id
        and portfolio.symbol = closed.symbol
),
closed_accounts as (
    update accounts
    set closed_pnl = accounts.closed_pnl + closed.pnl
    from unnest($18::text[], $19::numeric[]) as closed (user_id, pnl)
    where accounts.user_id = closed.user_id
    returning 1
),
kept_answers as (
    insert into idempotency_keys (
        user_id,
        side,
        key,
        fingerprint,
        status,
        body,
        trade_id,
        answered_at
    )
    select *
    from unnest(
        $20::text[],
        $21::text[],
        $22::text[],
        $23::text[],
        $24::smallint[],
        $25::text[],
        $26::uuid[],
        $27::timestamptz[]
    )
    returning 1
)
select
    (select count(*) from new_trades) as trades,
    (select count(*) from open_positions) as open,
    (select count(*) from closed_accounts) as accounts,
    (select count(*) from kept_answers) as answers
