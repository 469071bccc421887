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
)
