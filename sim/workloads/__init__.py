"""Tensors to run: a real transformer's, random ones, and small real cases that ship with the package."""

from .errors import WorkloadError
from .minilm import attention_inputs, head_case, load_model
from .recipes import shipped, shipped_names
from .synthetic import attention_case, token_case
from .text import technical_text

__all__ = ["WorkloadError", "attention_case", "attention_inputs", "head_case", "load_model", "shipped",
           "shipped_names", "technical_text", "token_case"]
