-- An account's version grows with each change of what its user has: whoever decided on a version can tell whether it is
-- still the last one. It changes with each batch, so that the profit of closed positions, which seldom does, moves out.
create table profits (
    user_id text collate "C" primary key,
    -- Profit realized on positions that have been closed since.
    closed_pnl numeric(38, 10) not null
);

insert into profits (user_id, closed_pnl)
select user_id, closed_pnl
from accounts
where closed_pnl <> 0;

alter table accounts
    drop column closed_pnl,
    add column version bigint not null default 1;

-- Room for the next version of a row on the page of the last one: no index has to be touched then.
alter table accounts set (fillfactor = 50);
alter table portfolio set (fillfactor = 70);
