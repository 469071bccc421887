# The reference's commands in their printed order: steps 1 to 8 of its Quick Start, then its sections 7 (rollback) and 8 (secrets).
# Each is run as it stands, all in one shell, except those that docs/operations.md lists with what stands instead. A command of
# several lines goes on behind a backslash. `#:` is a point at which the check looks at what is there.

# Step 1
git clone https://github.com/<your-org>/stocks-app.git
cd stocks-app
cp .env.example .env

# Step 2
docker compose \
  -f docker-compose.infra.yml \
  -f docker-compose.vault.yml \
  up -d
docker compose -f docker-compose.infra.yml logs -f sonarqube | grep -m1 "SonarQube is operational"

# Step 3
docker compose -f docker-compose.vault.yml exec vault sh /vault/scripts/init.sh
#: bootstrapped
export VAULT_ADDR=http://localhost:8200
export VAULT_TOKEN=<root-token-from-init-output>
vault kv patch secret/ci/pipeline   harbor_password="your-real-harbor-robot-password"
vault kv patch secret/ci/pipeline   sonar_token="your-real-sonar-token"
vault kv patch secret/db/stocksdb   password="your-real-db-password"

# Step 4
curl -X POST http://localhost:8080/api/v2.0/projects \
  -u admin:Harbor12345 \
  -H 'Content-Type: application/json' \
  -d '{"project_name":"stocks","public":false}'

# Step 7
git checkout -b develop
git push origin develop
git checkout -b release/1.0.0
git push origin release/1.0.0
git tag v1.0.0
git push origin v1.0.0

# Step 8
docker build -t stocks/stock-listing:local services/stock-listing
docker build -t stocks/trade:local         services/trade
HARBOR_REGISTRY="" IMAGE_TAG=local \
  docker compose -f docker-compose.dev.yml up -d
curl http://localhost:8000/stocks
curl http://localhost:8001/health
#: dev

# Section 7
gh workflow run rollback.yml \
  -f environment=prod \
  -f rollback_tag=v1.3.0
docker pull myregistry.local:5000/stocks/stock-listing:v1.3.0
docker pull myregistry.local:5000/stocks/trade:v1.3.0
IMAGE_TAG=v1.3.0 \
  docker compose -f docker-compose.prod.yml up -d --remove-orphans
curl http://localhost:8020/health
curl http://localhost:8021/health
curl -s -u admin:Harbor12345 \
  "http://myregistry.local:5000/api/v2.0/projects/stocks/repositories/stock-listing/artifacts" \
  | jq '.[].tags[].name'
#: prod

# Section 8
vault kv patch secret/db/stocksdb password="new-strong-password"
docker compose -f docker-compose.prod.yml restart stock-listing trade
docker exec prod-db psql -U stocks -c "ALTER USER stocks PASSWORD 'new-strong-password';"
#: rotated
vault kv rollback -version=2 secret/db/stocksdb
#: rolled-back
docker compose -f docker-compose.infra.yml -f docker-compose.vault.yml up -d vault
docker compose -f docker-compose.vault.yml exec vault sh /vault/scripts/init.sh
vault kv patch secret/ci/pipeline   harbor_password="real-password"
vault kv patch secret/db/stocksdb   password="real-db-password"
