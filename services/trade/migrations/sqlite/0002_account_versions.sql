-- An account's version grows with each change of what its user has: whoever decided on a version can tell whether it is
-- still the last one. It changes with each batch, so that the profit of closed positions, which seldom does, moves out.
create table profits (
    user_id text primary key,
    -- Profit realized on positions that have been closed since.
    closed_pnl text not null
) strict, without rowid;

insert into profits (user_id, closed_pnl)
select user_id, closed_pnl
from accounts
where closed_pnl <> '0';

alter table accounts drop column closed_pnl;

alter table accounts add column version integer not null default 1;
