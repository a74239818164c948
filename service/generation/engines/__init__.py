"""Engines, which run models with CTranslate2 or PyTorch."""
