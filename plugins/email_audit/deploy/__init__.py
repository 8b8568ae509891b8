"""What an operator needs around the containers of docker-compose.yml: secrets and keys."""
