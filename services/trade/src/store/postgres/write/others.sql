-- What few batches have: positions that are closed, their profit, answers to keep.
closed_positions as (
    delete from portfolio
    using unnest($20::text[], $21::text[]) as closed (user_id, symbol)
    where portfolio.user_id = closed.user_id
        and portfolio.symbol = closed.symbol
        and exists (select from go)
),
new_profits as (
    insert into profits (user_id, closed_pnl)
    select *
    from unnest($22::text[], $23::numeric[])
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
        $24::text[],
        $25::text[],
        $26::text[],
        $27::text[],
        $28::smallint[],
        $29::text[],
        $30::uuid[],
        $31::timestamptz[]
    )
    where exists (select from go)
    returning 1
)
