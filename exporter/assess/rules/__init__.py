"""What pg_hba.conf and pg_ident.conf mean for one client, by the rules in force."""
