"""Networks that look at pictures for scorers: CLIP, DINO, LPIPS and heads upon them."""
