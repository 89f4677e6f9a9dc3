"""Images of several domains as vectors of one space, and back."""

from __future__ import annotations

from lrmf_tfp.embeddings.augmentation import RandomAffine
from lrmf_tfp.embeddings.base import AutoencoderEstimator
from lrmf_tfp.embeddings.embedding import (
    Embedding,
    EmbeddingMethods,
    EmbeddingModule,
    EmbeddingScore,
    load,
)
from lrmf_tfp.embeddings.estimators import VAE, VAEGAN

__all__ = [
    "AutoencoderEstimator",
    "Embedding",
    "EmbeddingMethods",
    "EmbeddingModule",
    "EmbeddingScore",
    "RandomAffine",
    "VAE",
    "VAEGAN",
    "load",
]
