-- Each change of the catalogue has a version, and each stock that of its last change.
create table catalogue_version (
    singleton integer primary key default 1,
    version integer not null,
    constraint catalogue_version_singleton check (singleton = 1)
) strict;

insert into catalogue_version (version) values (0);

alter table stocks add column version integer not null default 0;

create index stocks_by_version on stocks (version);
