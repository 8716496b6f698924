# litemed: `make demo` sets everything up and shows it at work; `make test` runs the tests.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
BUNDLE := bundles/mininet
NUCLEI := ['$(BUNDLE)/configs/train.json','$(BUNDLE)/configs/nuclei.json']
NUCLEI_EVALUATE := ['$(BUNDLE)/configs/train.json','$(BUNDLE)/configs/evaluate.json','$(BUNDLE)/configs/nuclei.json']
DEMO_RUN := $(BUNDLE)/runs/demo

.PHONY: help install app demo test lint lint-code lint-types lint-zoo bench figures docs acceptance clean

help:
	@echo "make demo         install, train Mini-Net on the built-in nuclei, and show its scores and a picture"
	@echo "make app          install, and outline objects on a page in the browser: a CT and a picture are there to try"
	@echo "make test         install what the tests need, and run them"
	@echo "make lint         ruff, mypy, and the packed bundles against the code format of the MONAI Model Zoo"
	@echo "make bench        speed of the metrics, the slice sampler and the losses, and of scoring by a pool and by Ray"
	@echo "make figures      lines of code, what packed bundles carry, start-up of imports and commands"
	@echo "make docs         the documentation as a site in build/site, links and code checked"
	@echo "make acceptance   use the packed bundles where nothing of litemed is installed"
	@echo "make clean        remove the environment and what runs wrote"

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .[dev]
	@touch $@

install: $(BIN)/.installed

app: install
	$(BIN)/litemed app

demo: install
	@echo "Training Mini-Net on the built-in nuclei picture (about two minutes on two cores)"
	$(BIN)/python -W ignore -m monai.bundle run --config_file "$(NUCLEI)" \
		--max_epochs 30 --val_interval 5 --resume False --output_dir $(DEMO_RUN)
	@echo "Scoring it on the part of the picture that training never saw"
	$(BIN)/python -W ignore -m monai.bundle run --config_file "$(NUCLEI_EVALUATE)" \
		--ckpt_path $(DEMO_RUN)/model.pt --output_dir $(DEMO_RUN)/evaluation
	@echo "Look at:  $(DEMO_RUN)/evaluation/pictures/$$(ls $(DEMO_RUN)/evaluation/pictures | head -1)"
	@echo "     and  $(DEMO_RUN)/history.png"

test: install
	$(BIN)/python -m pytest -n 2

lint: lint-code lint-types lint-zoo

lint-code: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: install
	$(BIN)/mypy

lint-zoo: install
	$(BIN)/python ci/zoo_style.py

bench: install
	$(BIN)/python ci/bench_metrics.py
	$(BIN)/python ci/bench_slices.py
	$(BIN)/python ci/bench_losses.py
	$(BIN)/python ci/bench_scale.py

figures: install
	$(BIN)/python ci/figures.py

docs: install
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .[docs]
	$(BIN)/python -m pytest -q tests/test_commands.py -k "command_is_right or readme"
	$(BIN)/mkdocs build --clean

acceptance: install
	$(BIN)/python ci/empty_environment.py

clean:
	rm -rf $(VENV) bundles/*/runs
