"""Configuration of the documentation; building it needs no network.

Build with `sphinx-build -W -n -b html docs docs/_build/html`.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import lrmf_tfp

project = "lrmf-tfp"
author = "The lrmf-tfp developers"
copyright = "2026, the lrmf-tfp developers"  # noqa: A001
version = release = lrmf_tfp.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "lrmf-tfp"
html_static_path = ["_static"]
html_show_sourcelink = False

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"

napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_inherit_docstrings = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

# Annotations name types of other packages (no intersphinx: it needs the network) and our private
# ones. Those that we document become links, below; the rest stays text. All that is written by
# hand is checked: documents, citations, terms, equations, functions.
nitpick_ignore_regex = [("py:(class|obj|data|exc)", r".*")]
autodoc_type_aliases = {
    name: name
    for name in (
        "Array",
        "ArrayLike",
        "FloatArray",
        "Generator",
        "Images",
        "IntArray",
        "ManyImages",
        "Samples",
        "Tensor",
    )
}


def _link_by_public_name(app, env, node, contnode):
    """Resolve a name by where it is documented: annotations say where it is defined.

    `lrmf_tfp.datasets.pair.DomainPair` in an annotation is the documented
    `lrmf_tfp.datasets.DomainPair`.
    """
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    domain = env.get_domain("py")
    last = target.rsplit(".", 1)[-1]
    found = [name for name in domain.objects if name.rsplit(".", 1)[-1] == last]
    if not (target.startswith("lrmf_tfp.") or "." not in target):
        return None
    if not found:  # a class that is on no package's face stands as plain text
        return contnode if target.startswith("lrmf_tfp.") else None
    builder, where = app.builder, node.get("refdoc", env.docname)
    return domain.resolve_xref(env, where, builder, "obj", min(found, key=len), node, contnode)


def _skip_foreign(app, what, name, obj, skip, options):
    """Leave out members that a class of ours has from TFP's or scikit-learn's machinery."""
    module = getattr(obj, "__module__", None) or ""
    return True if module.split(".")[0] in {"tensorflow_probability", "sklearn"} else None


def _code_ticks(app, what, name, obj, options, lines):
    """Turn `code` of docstrings into literals, which take any text and may be followed by an s."""
    text = "\n".join(lines)
    lines[:] = re.sub(r"(?<!`)`([^`]+)`(?!`)(?=(\w)?)", _literal, text).split("\n")


def _literal(match):
    return f"``{match[1]}``" + ("\\ " if match[2] else "")


def setup(app):
    """Register the above."""
    app.connect("missing-reference", _link_by_public_name)
    app.connect("autodoc-skip-member", _skip_foreign)
    app.connect("autodoc-process-docstring", _code_ticks, priority=400)
