"""Takes libtensorflow and the headers of its C API out of the tensorflow-cpu wheel: setup_tensorflow.py WHEELS_FOLDER DEPS_FOLDER."""
import pathlib
import shutil
import sys
import zipfile

wheels, deps = map(pathlib.Path, sys.argv[1:])
HEADERS = 'tensorflow/include/'
HEADER_FOLDERS = ('tensorflow/c/', 'tensorflow/core/platform/', 'xla/tsl/', 'tsl/')
LIBRARIES = {
    'libtensorflow_cc.so.2': ['libtensorflow.so', 'libtensorflow.so.2', 'libtensorflow.so.2.9.1'],
    'libtensorflow_framework.so.2': ['libtensorflow_framework.so'],
}

found = sorted(wheels.glob('tensorflow_cpu-*.whl'))
if not found:
    sys.exit(f'{wheels} has no tensorflow_cpu wheel')
with zipfile.ZipFile(found[-1]) as wheel:
    for entry in wheel.infolist():
        inside = entry.filename.removeprefix(HEADERS)
        name = pathlib.PurePosixPath(entry.filename).name
        if entry.is_dir():
            continue
        if inside != entry.filename and inside.startswith(HEADER_FOLDERS):
            target = deps / 'include' / inside
        elif name in LIBRARIES and entry.filename == f'tensorflow/{name}':
            target = deps / 'lib' / name
        else:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with wheel.open(entry) as source, open(target, 'wb') as copy:
            shutil.copyfileobj(source, copy)
for library, links in LIBRARIES.items():
    for link in links:
        path = deps / 'lib' / link
        path.unlink(missing_ok=True)
        path.symlink_to(library)
