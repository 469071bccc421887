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
        executed_at,
        placed_by
    )
    select *
    from unnest(
        $3::uuid[],
        $4::text[],
        $5::text[],
        $6::text[],
        $7::numeric[],
        $8::numeric[],
        $9::numeric[],
        $10::numeric[],
        $11::timestamptz[],
        $12::text[]
    )
    where exists (select from go)
    returning 1
)
