-- The tables, for SQLite. postgres.sql is the same, but for the types that the two spell differently.

create table if not exists batches (
    id          integer primary key,
    created_at  timestamp not null default current_timestamp
);

create table if not exists jobs (
    id           integer primary key,
    batch_id     bigint references batches (id),
    url          text not null,
    status       text not null default 'queued' check (status in ('queued', 'running', 'complete', 'failed')),
    -- Why it failed.
    error        text,
    created_at   timestamp not null default current_timestamp,
    finished_at  timestamp,
    unique (batch_id, url),
    check ((status = 'failed') = (error is not null))
);

create table if not exists domains (
    id    integer primary key,
    name  text not null unique
);

create table if not exists sitemap_files (
    id         integer primary key,
    job_id     bigint not null references jobs (id),
    domain_id  bigint not null references domains (id),
    -- Its URL, or its path.
    address    text not null,
    kind       text not null check (kind in ('urlset', 'sitemapindex')),
    gzipped    boolean not null,
    bytes      bigint not null,
    warnings   bigint not null,
    -- The first of them, in words.
    warning    text,
    -- What a job found is stored once: a second attempt fails here.
    unique (job_id, address)
);

create table if not exists urls (
    id               integer primary key,
    sitemap_file_id  bigint not null references sitemap_files (id),
    loc              text not null,
    lastmod          timestamp,
    changefreq       text,
    priority         double precision check (priority between 0 and 1),
    unique (sitemap_file_id, loc)
);
