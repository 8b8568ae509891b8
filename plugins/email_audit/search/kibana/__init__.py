"""What investigators see in Kibana: saved objects written from code, and their installation."""
