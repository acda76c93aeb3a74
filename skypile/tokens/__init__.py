"""Text to packed training tokens: vocabulary, encoder, packing and the Megatron indexed dataset."""
