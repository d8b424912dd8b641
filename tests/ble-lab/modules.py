"""Prints kernel modules in an order in which they can be loaded: modules.py FOLDER NAME…"""
import os
import sys


def name_of(path):
    return os.path.basename(path).removesuffix('.ko').replace('-', '_')


def main(folder, wanted):
    needs = {}
    with open(os.path.join(folder, 'modules.dep')) as lines:
        for line in lines:
            path, others = line.split(':')
            needs[name_of(path)] = (path, others.split())
    with open(os.path.join(folder, 'modules.builtin')) as lines:
        builtin = {name_of(line.strip()) for line in lines}
    order = []

    def add(path):
        if path in order:
            return
        for other in reversed(needs[name_of(path)][1]):
            add(other)
        order.append(path)

    for name in wanted:
        if name in needs:
            add(needs[name][0])
        elif name not in builtin:
            sys.exit(f'this kernel has no module {name}')
    print('\n'.join(order))


main(sys.argv[1], sys.argv[2:])
