-- Each change of the catalogue has a version, and each stock that of its last change: whoever knows the catalogue at one
-- version reads what came later by it. The row's lock puts changes in order, whichever replica makes them.
create table catalogue_version (
    singleton boolean primary key default true,
    version bigint not null,
    constraint catalogue_version_singleton check (singleton)
);

insert into catalogue_version (version) values (0);

alter table stocks add column version bigint not null default 0;

create index stocks_by_version on stocks (version);
