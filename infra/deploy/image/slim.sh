# Makes a virtual environment of the image smaller: slim.sh FOLDER. Nothing that a process reads is removed.
set -eu
packages=$(echo "$1"/lib/python3*/site-packages)
# Tests, type stubs and sources in C of the dependencies.
find "$packages" -type d \( -name tests -o -name test -o -name testing -path '*/sqlalchemy/*' -o -name f2py \) -prune -exec rm -rf {} +
find "$packages" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name '*.a' \) -delete
# The module that Python loads has all of the runtime in it; this library is for programs in C. The rest makes models.
rm -rf "$packages"/onnxruntime/capi/libonnxruntime.so* "$packages"/onnxruntime/transformers \
    "$packages"/onnxruntime/quantization "$packages"/onnxruntime/tools "$packages"/onnxruntime/datasets
# Sounds of offices and keyboards for agents of livekit-agents.
rm -rf "$packages"/livekit/agents/resources
# A wheel's second copy of its model, beside `lib`: it is read from the package.
rm -rf "$1/livekit"
# It compares one misspelt setting with the names there are: its Python does that as well as its 10 MB of C++.
find "$packages/rapidfuzz" -name '*_cpp*.so' -delete
# Symbols that only debuggers read. Libraries in `*.libs` were edited by auditwheel: `strip` would break some of them.
find "$packages" -name '*.so' -type f -not -path '*.libs/*' -exec strip --strip-unneeded {} +
strip --strip-unneeded "$packages"/pulsar_client.libs/* "$1"/bin/nats-server
