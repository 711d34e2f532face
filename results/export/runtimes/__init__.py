"""A network for programs that run it elsewhere: OpenVINO, LiteRT, ExecuTorch, Core ML, int8."""
