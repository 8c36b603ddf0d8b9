"""How a training step is computed: by torch, by the compiled kernels, or as a captured CUDA graph."""
