-- Raises the versions that the batch was decided on, which holds off everybody else until the end. A version that grew in
-- vain, since another account was not current, does no harm.
bumped as (
    update accounts
    set version = accounts.version + 1
    from unnest($1::text[], $2::bigint[]) as decided (user_id, version)
    where accounts.user_id = decided.user_id
        and accounts.version = decided.version
    returning 1
)
