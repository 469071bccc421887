-- Opens the accounts that were not there, and asks whether a key has an answer by now.
opened as (
    insert into accounts (user_id)
    select user_id
    from unnest($19::text[]) as decided (user_id)
    where (select count(*) from bumped) = cardinality($1::text[])
    on conflict (user_id) do nothing
    returning 1
),
verdict as (
    select
        (select count(*) from bumped) = cardinality($1::text[])
            and (select count(*) from opened) = cardinality($19::text[]) as is_current,
        exists (
            select
            from unnest($24::text[], $25::text[], $26::text[]) as new (user_id, side, key)
            join idempotency_keys using (user_id, side, key)
        ) as has_taken_key
),
go as (
    select
    from verdict
    where is_current and not has_taken_key
)
