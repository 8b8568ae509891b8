"""`python -m email_audit` is the command `email-audit`."""

from email_audit.cli import main

main()
