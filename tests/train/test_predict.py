import numpy as np
import torch

from mien.train import predict_batches


def test_a_network_is_asked_in_parts_in_eval_mode_and_remembers_no_gradient():
    asked = []

    def prepare(rows):
        asked.append(len(rows))
        return torch.from_numpy(rows.astype(np.float32))

    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Dropout(0.9)).train()
    rows = np.arange(20).reshape(10, 2)
    found = predict_batches(net, rows, prepare, size=4)
    assert asked == [4, 4, 2]
    assert not found.requires_grad
    assert torch.allclose(found, net[0](torch.from_numpy(rows.astype(np.float32))))
