go as (
    select
    from bumped
    having count(*) = cardinality($1::text[])
)
