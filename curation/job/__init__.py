"""The curation job: a plan, a chain of Beam stages with done markers, and a manifest. Import the submodules."""
