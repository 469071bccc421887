select
    exists (select from go) as is_current,
    false as has_taken_key,
    (select count(*) from new_trades) as trades,
    (select count(*) from open_positions) as open,
    0::bigint as profits,
    0::bigint as answers
