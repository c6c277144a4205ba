"""PyTorch: python torch_peer.py [eager|fused|compile] [cuda]. `fused` is eager with Adam's own fused form, which is not its default."""
import sys

import torch
import torch.nn.functional as F
from torch import nn

from lines import serve

MODE = sys.argv[1] if len(sys.argv) > 1 else 'eager'
DEVICE = sys.argv[2] if len(sys.argv) > 2 else 'cpu'
torch.set_default_device(DEVICE)


def maybe_compile(f):
    return torch.compile(f) if MODE == 'compile' else f


def make_mlp(inputs, widths):
    layers = []
    for width in widths[:-1]:
        layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, widths[-1]))


def open_mlp(request):
    case = request['case']
    torch.manual_seed(0)
    image = torch.randn(case['batch'], case['input'])
    label = torch.randint(0, case['widths'][-1], (case['batch'],))
    model = make_mlp(case['input'], case['widths'])

    def loss_and_accuracy():
        logits = model(image)
        with torch.no_grad():
            accuracy = (logits.argmax(-1) == label).float().mean()
        return F.cross_entropy(logits, label), accuracy, logits

    if request['kind'] == 'train':
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True if MODE == 'fused' else None)
        forward = maybe_compile(loss_and_accuracy)
        update = maybe_compile(optimizer.step)

        def run(steps):
            for _ in range(steps):
                optimizer.zero_grad()
                loss, _, _ = forward()
                loss.backward()
                update()
            return loss.item()

    elif request['kind'] == 'eval':
        model.eval()
        forward = maybe_compile(loss_and_accuracy)

        def run(steps):
            with torch.inference_mode():
                for _ in range(steps):
                    loss, _, _ = forward()
            return loss.item()

    else:
        raise ValueError(f'no such kind here: {request["kind"]}')
    return run


def repeat(f):
    def run(steps):
        for _ in range(steps):
            f()
        if DEVICE == 'cuda':
            torch.cuda.synchronize()
        return 0.0

    return run


def pull(outputs, inputs, cotangent):
    """The backward pass alone, of a graph made once."""
    return repeat(lambda: torch.autograd.grad(outputs, inputs, cotangent, retain_graph=True))


def open_kernel(request):
    k = request['kernel']
    torch.manual_seed(0)
    if k['op'] == 'gemm':
        a = torch.randn(*((k['k'], k['m']) if k['transA'] else (k['m'], k['k'])))
        b = torch.randn(*((k['n'], k['k']) if k['transB'] else (k['k'], k['n'])))
        a, b = (a.T if k['transA'] else a), (b.T if k['transB'] else b)
        out = torch.empty(k['m'], k['n'])
        return repeat(lambda: torch.mm(a, b, out=out))
    rows, inputs, features = k['rows'], k.get('inputs', 0), k['features']
    bias = torch.zeros(features, requires_grad=True)
    cotangent = torch.randn(rows, features)
    if k['op'] in ('dense', 'denseGrad'):
        x = torch.randn(rows, inputs, requires_grad=True)
        weight = (torch.randn(features, inputs) * 0.05).requires_grad_()
        if k['op'] == 'denseGrad':
            return pull(F.linear(x, weight, bias), (x, weight, bias), cotangent)
        with torch.no_grad():
            args = x.detach(), weight.detach(), bias.detach()
        return repeat(lambda: F.linear(*args))
    if k['op'] in ('batchNorm', 'batchNormGrad'):
        x = torch.randn(rows, features, requires_grad=True)
        scale = torch.ones(features, requires_grad=True)
        mean, var = torch.zeros(features), torch.ones(features)
        if k['op'] == 'batchNormGrad':
            return pull(F.batch_norm(x, mean, var, scale, bias, training=True), (x, scale, bias), cotangent)
        args = x.detach(), mean, var, scale.detach(), bias.detach()
        return repeat(lambda: F.batch_norm(*args, training=True))
    raise ValueError(f'no such kernel here: {k["op"]}')


def open_job(request):
    return open_kernel(request) if request['kind'] == 'kernel' else open_mlp(request)


serve({'name': 'torch', 'version': f'torch {torch.__version__}, {DEVICE}', 'threads': torch.get_num_threads()}, open_job)
