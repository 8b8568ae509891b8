#!/bin/bash
# Runs once, when the server's volume is new: two databases, each with an account of its own that
# owns it and cannot log in to the other.
set -euo pipefail

for name in airflow email_audit; do
    case "$name" in
        airflow) file=/run/secrets/airflow_database_password ;;
        email_audit) file=/run/secrets/case_database_password ;;
    esac
    # The password goes in by standard input, never by the command line.
    psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<SQL
CREATE ROLE $name LOGIN PASSWORD '$(cat "$file")';
CREATE DATABASE $name OWNER $name;
REVOKE ALL ON DATABASE $name FROM PUBLIC;
SQL
done
