"""What is wrong with a model, and how it works: looked at from outside."""

from textrnn.diagnosis.flow import GradientFlow, Reading, gradient_flow

__all__ = ["GradientFlow", "Reading", "gradient_flow"]
