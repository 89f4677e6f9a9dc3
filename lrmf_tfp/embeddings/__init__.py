"""Images of several domains as vectors of one space, and back (level 5)."""

from __future__ import annotations

from lrmf_tfp.embeddings.augmentation import RandomAffine
from lrmf_tfp.embeddings.embedding import (
    Embedding,
    EmbeddingMethods,
    EmbeddingModule,
    EmbeddingScore,
    load,
)
from lrmf_tfp.embeddings.estimators import VAE, VAEGAN
from lrmf_tfp.embeddings.images import as_images

__all__ = [
    "Embedding",
    "EmbeddingMethods",
    "EmbeddingModule",
    "EmbeddingScore",
    "RandomAffine",
    "VAE",
    "VAEGAN",
    "as_images",
    "load",
]
