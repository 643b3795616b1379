# What the documents show in Python. It is compiled, not run: the packages that
# it uses are nothing that this project needs.


def load_weights(module):
    from safetensors.torch import load_file
    module.load_state_dict(load_file("model.safetensors"))


def run_onnx(images):
    import onnxruntime
    session = onnxruntime.InferenceSession("model.onnx")
    probabilities, = session.run(None, {"input": images})  # (N, 1, 28, 28)
    return probabilities
