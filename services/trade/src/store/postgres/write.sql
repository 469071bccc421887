-- Writes what a batch of orders changed, if each account is at the version that the batch was decided on and no key has an
-- answer yet; says so, and how many rows each part touched. The accounts come first, in the order of user ids, and hold
-- off everybody else until the end. A version that grew in vain, since another account was not current, does no harm.
with
bumped as (
    update accounts
    set version = accounts.version + 1
    from unnest($1::text[], $2::bigint[]) as decided (user_id, version)
    where accounts.user_id = decided.user_id
        and accounts.version = decided.version
    returning 1
),
opened as (
    insert into accounts (user_id)
    select user_id
    from unnest($3::text[]) as decided (user_id)
    where (select count(*) from bumped) = cardinality($1::text[])
    on conflict (user_id) do nothing
    returning 1
),
verdict as (
    select
        (select count(*) from bumped) = cardinality($1::text[])
            and (select count(*) from opened) = cardinality($3::text[]) as is_current,
        exists (
            select
            from unnest($23::text[], $24::text[], $25::text[]) as new (user_id, side, key)
            join idempotency_keys using (user_id, side, key)
        ) as has_taken_key
),
go as (
    select
    from verdict
    where is_current and not has_taken_key
),
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
        $4::uuid[],
        $5::text[],
        $6::text[],
        $7::text[],
        $8::numeric[],
        $9::numeric[],
        $10::numeric[],
        $11::numeric[],
        $12::timestamptz[]
    )
    where exists (select from go)
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
        $13::text[],
        $14::text[],
        $15::numeric[],
        $16::numeric[],
        $17::numeric[],
        $18::timestamptz[]
    )
    where exists (select from go)
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
    using unnest($19::text[], $20::text[]) as closed (user_id, symbol)
    where portfolio.user_id = closed.user_id
        and portfolio.symbol = closed.symbol
        and exists (select from go)
),
new_profits as (
    insert into profits (user_id, closed_pnl)
    select *
    from unnest($21::text[], $22::numeric[])
    where exists (select from go)
    on conflict (user_id) do update
    set closed_pnl = profits.closed_pnl + excluded.closed_pnl
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
        $23::text[],
        $24::text[],
        $25::text[],
        $26::text[],
        $27::smallint[],
        $28::text[],
        $29::uuid[],
        $30::timestamptz[]
    )
    where exists (select from go)
    returning 1
)
select
    is_current,
    has_taken_key,
    (select count(*) from new_trades) as trades,
    (select count(*) from open_positions) as open,
    (select count(*) from new_profits) as profits,
    (select count(*) from kept_answers) as answers
from verdict
