"""Grafana dashboards as code: `python -m infra.deploy.dashboards` (`make dashboards`) writes their JSON."""
