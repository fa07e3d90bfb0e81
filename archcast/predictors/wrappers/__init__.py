"""Predictors around other predictors."""
