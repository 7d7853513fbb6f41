"""The verifier `puzzle`: answers to the procedural problems of reasoning-gym, by its scorers where they can be trusted."""
