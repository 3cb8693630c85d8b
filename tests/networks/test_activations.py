import pytest
import torch

from sklearn_ae.networks._activations import ACTIVATION_GRADIENTS, ACTIVATIONS


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_function_and_gradient_are_those_of_the_module(name):
    module = ACTIVATIONS[name]()
    function, backward = ACTIVATION_GRADIENTS[type(module)]
    x = torch.linspace(-4, 4, 33, dtype=torch.float64).requires_grad_()
    gradient = torch.linspace(1, 2, 33, dtype=torch.float64)
    value = module(x)
    value.backward(gradient)
    made = function(x.detach())
    assert torch.equal(made, value.detach())
    torch.testing.assert_close(backward(gradient, x.detach(), made), x.grad)
