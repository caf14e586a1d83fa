delete from orders; commit;
