# One-liners over `python -m rollcall`. The first use sets up .venv from requirements.lock, with python3 and pip alone.
PYTHON ?= python3
RUN_IN = .venv/bin/python

.PHONY: help audit describe rehearse doctor figure bench test quick lint lab gallery claims lite reference site slides lock clean
help:
	@echo "make audit [COHORT= ROOT= MODEL= RECIPE= TARGETS= OUT= DATA= RUN= SEED= SCHEDULER= SMALLEST= APPETITE= STATEMENT= BUDGET= PRECISION= MOST=]   train, attack, disparity, report"
	@echo "make describe TABLE=my.csv [LABEL= PATIENT=]                 a first cohort.toml for a table of your own, and what is made of each column"
	@echo "make rehearse COHORT= [PATIENTS= MODEL= RECIPE= TARGETS=]    a simulated release in a dataset's own layout, then its audit"
	@echo "make doctor [OUT= DATA=]                                     what this machine has, and what an audit will use"
	@echo "make figure NAME= [OUT= RUN= TO=]                            draw a figure of finished runs again (all, 1 to 4, or a name)"
	@echo "make bench [PART=training|prepare|attacks|risk|growth OUT=file.csv]   how fast this machine is at each part, how cost grows"
	@echo "make bench PART=audit [COHORT= ROOT= TARGETS= DATA= OUT=]    where the time of one audit goes"
	@echo "make test  [ARGS=]                                           every test"
	@echo "make quick [ARGS=]                                           the tests that take no whole audit: two minutes"
	@echo "make lint                                                    ruff, its format, pyright"
	@echo "make lab                                                     JupyterLab on copies of the notebooks"
	@echo "make gallery [OUT=]                                          renew results/gallery from finished runs of open data"
	@echo "make claims                                                  check the numbers of README and docs against stored results"
	@echo "make site [OUT= DATA= TO= THEME=]                            the pages, the demo and the lessons as a site (docs/README.md)"
	@echo "make slides [TO=]                                            the lessons' pictures for slides"
	@echo "make lite OUT= PYODIDE=                                      the lessons in a browser tab: a folder for any web server"
	@echo "make reference                                               renew docs/reference.md from the command line and the recipes"
	@echo "make lock                                                    renew requirements.lock (needs uv)"
	@echo "make clean                                                   remove .venv; results/ and data/ stay"

# A setting counts when it is given to make (make audit ROOT=…), not when the environment happens to have a variable of that name.
given = $(if $(filter command,$(origin $(1))),--$(2) "$($(1))")
shared = $(call given,COHORT,cohort) $(call given,MODEL,model) $(call given,RECIPE,recipe) $(call given,TARGETS,targets) \
  $(call given,OUT,out) $(call given,DATA,data) $(call given,RUN,run) $(call given,SEED,seed) \
  $(call given,SCHEDULER,scheduler) $(call given,SMALLEST,smallest-cell) $(call given,APPETITE,appetite) $(call given,STATEMENT,statement) \
  $(call given,BUDGET,budget) $(call given,PRECISION,precision) $(call given,MOST,most-targets)

audit: .venv/.ready
	@$(RUN_IN) -m rollcall audit $(call given,ROOT,root) $(shared)

describe: .venv/.ready
	@$(RUN_IN) -m rollcall describe $(if $(filter command,$(origin TABLE)),"$(TABLE)") $(call given,LABEL,label) $(call given,PATIENT,patient)

rehearse: .venv/.ready
	@$(RUN_IN) -m rollcall rehearse $(call given,PATIENTS,patients) $(shared)

doctor: .venv/.ready
	@$(RUN_IN) -m rollcall doctor $(call given,OUT,out) $(call given,DATA,data)

figure: .venv/.ready
	@$(RUN_IN) -m rollcall figure $(if $(filter command,$(origin NAME)),"$(NAME)") $(call given,OUT,out) $(call given,RUN,run) $(call given,TO,to)

bench: .venv/.ready
	@$(RUN_IN) -m benchmarks $(PART) $(call given,COHORT,cohort) $(call given,ROOT,root) $(call given,TARGETS,targets) \
	  $(call given,DATA,data) $(call given,OUT,out)

# Two workers whatever the machine: most tests take one core, a few start processes of their own.
test: .venv/.ready
	@$(RUN_IN) -m pytest -q -n 2 --dist worksteal $(ARGS)

quick: .venv/.ready
	@$(RUN_IN) -m pytest -q -n 2 --dist worksteal -m "not slow" $(ARGS)

lint: .venv/.ready
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/basedpyright --warnings

lab: .venv/.ready
	@$(RUN_IN) -m rollcall lab

gallery: .venv/.ready
	@$(RUN_IN) -m docs.gallery $(call given,OUT,out)

claims: .venv/.ready
	@$(RUN_IN) -m docs.claims

site: .venv/.ready
	@$(RUN_IN) -m docs.site $(call given,OUT,out) $(call given,DATA,data) $(call given,TO,to) $(call given,THEME,theme)

slides: .venv/.ready
	@$(RUN_IN) -m docs.slides $(call given,TO,to)

lite: .venv/.ready
	@$(RUN_IN) -m docs.lite $(call given,OUT,out) $(call given,PYODIDE,pyodide)

reference: .venv/.ready
	@$(RUN_IN) -m docs.reference

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || \
	  { v=$$($(PYTHON) --version 2>&1) || v="not to be found"; echo "rollcall: needs Python 3.11 to 3.13; $(PYTHON) is $$v. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "Setting up .venv, once: some minutes, most of them for torch"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -q --disable-pip-version-check -r requirements.lock
	@.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock:
	@{ sed -n '/^#/p' requirements.lock; printf 'editables\nhatchling\ntorch==2.13.0\n' | \
	  uv pip compile -q --universal --python-version 3.11 --extra test --extra lint --no-header --no-annotate pyproject.toml - | \
	  grep -Ev '^(nvidia-|cuda-|triton|--)'; } > requirements.lock.part && mv requirements.lock.part requirements.lock

clean:
	@rm -rf .venv
