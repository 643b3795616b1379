# What the documents show in Python. It is compiled, not run: the packages that
# it uses are nothing that this project needs.


def load_weights(module):
    from safetensors.torch import load_file
    module.load_state_dict(load_file("model.safetensors"))


def exchange_with_flatten():
    from collections import OrderedDict
    import torch
    from safetensors.torch import load_file, save_file
    module = torch.nn.Sequential(OrderedDict([
        ("0", torch.nn.Conv2d(1, 16, 3, padding=1)),
        ("1", torch.nn.ReLU()),
        ("2", torch.nn.MaxPool2d(2)),
        ("flatten", torch.nn.Flatten()),
        ("3", torch.nn.Linear(16 * 14 * 14, 10)),
    ]))
    module.load_state_dict(load_file("model.safetensors"))
    save_file(module.state_dict(), "weights.safetensors")


def run_onnx(images):
    import onnxruntime
    session = onnxruntime.InferenceSession("model.onnx")
    probabilities, = session.run(None, {"input": images})  # (N, 1, 28, 28)
    return probabilities
