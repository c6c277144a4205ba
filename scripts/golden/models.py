"""The guide's modules."""
import flax.linen as nn


class MLP(nn.Module):
  """the guide's MLP, no BatchNorm"""
  @nn.compact
  def __call__(self, x):
    x = nn.Dense(features=4)(x)

    x = nn.relu(x)
    x = nn.Dense(features=1)(x)
    return x


class MLP_BN(nn.Module):
  """the guide's MLP, with BatchNorm"""
  @nn.compact
  def __call__(self, x, train: bool):
    x = nn.Dense(features=4)(x)
    x = nn.BatchNorm(use_running_average=not train)(x)
    x = nn.relu(x)
    x = nn.Dense(features=1)(x)
    return x


class GenMLP(nn.Module):
  """the guide's MLP with the widths as attributes"""
  hidden: int
  out: int

  @nn.compact
  def __call__(self, x):
    x = nn.Dense(features=self.hidden)(x)
    x = nn.relu(x)
    x = nn.Dense(features=self.out)(x)
    return x


class GenMLP_BN(nn.Module):
  """the guide's BatchNorm MLP with the widths as attributes"""
  hidden: int
  out: int
  momentum: float = 0.99

  @nn.compact
  def __call__(self, x, train: bool):
    x = nn.Dense(features=self.hidden)(x)
    x = nn.BatchNorm(use_running_average=not train, momentum=self.momentum)(x)
    x = nn.relu(x)
    x = nn.Dense(features=self.out)(x)
    return x


class DeepMLP_BN(nn.Module):
  """two Dense/BatchNorm/relu stages and a head"""
  hidden: int
  out: int
  momentum: float = 0.99

  @nn.compact
  def __call__(self, x, train: bool):
    for i in range(2):
      x = nn.Dense(features=self.hidden, use_bias=False)(x)
      x = nn.BatchNorm(use_running_average=not train, momentum=self.momentum)(x)
      x = nn.relu(x)
    return nn.Dense(features=self.out)(x)
