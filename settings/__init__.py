"""What a platform is: the typed description, its layers, its checks, and where every value came from.

Start at :func:`load_platform`. This room imports neither Pulumi nor Docker, and its only I/O is reading YAML.
"""

from settings.catalogue import Catalogue, CatalogueImage, load_catalogue
from settings.load import Loaded, load_platform
from settings.model import Platform
from settings.problems import Problem, SettingsError
from settings.profile_list import check_profiles, profiles_of
from settings.references import REFERENCE_ATTRIBUTES, Reference, ReferenceSyntaxError, escape, parse_template
from settings.source import RELEASE_VARIABLE, SECRET_PRESENT, StackSource, read_stack_file, release_of
from settings.texts import is_secret_text, references_in
from settings.tree import Layer, Origin

__all__ = [
    "REFERENCE_ATTRIBUTES",
    "RELEASE_VARIABLE",
    "SECRET_PRESENT",
    "Catalogue",
    "CatalogueImage",
    "Layer",
    "Loaded",
    "Origin",
    "Platform",
    "Problem",
    "Reference",
    "ReferenceSyntaxError",
    "SettingsError",
    "StackSource",
    "check_profiles",
    "escape",
    "is_secret_text",
    "load_catalogue",
    "load_platform",
    "parse_template",
    "profiles_of",
    "read_stack_file",
    "references_in",
    "release_of",
]
