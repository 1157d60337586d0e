"""Tensors to run: a real transformer's, random ones, and small real cases that ship with the package."""

from .butterfly import butterfly_case, dense_layer, mixing_case
from .butterfly_fit import fit_butterflies
from .digits import digits_case
from .errors import WorkloadError
from .flaash import co_occurrence_case, contraction_case, pruned_layer_case
from .minilm import attention_inputs, head_case, load_model
from .recipes import shipped, shipped_names
from .synthetic import attention_case, token_case
from .text import technical_text

__all__ = ["WorkloadError", "attention_case", "attention_inputs", "butterfly_case", "co_occurrence_case",
           "contraction_case", "dense_layer", "digits_case", "fit_butterflies", "head_case", "load_model",
           "mixing_case", "pruned_layer_case", "shipped", "shipped_names", "technical_text", "token_case"]
