# Removes from the base image what no process reads: installers, manuals, translations, caches. Licences stay, and the list of
# Debian's packages, which scanners read.
set -eu
# The libraries are named after their version; dpkg also knows names that aren't installed.
dpkg --purge apt $(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 'libapt-pkg*' | sed -n 's/^ii //p') >/dev/null
find /usr/share/doc -type f ! -name copyright -delete
find /usr/share/doc -type d -empty -delete
# glibc's tables of character sets: Python and FFmpeg have their own.
rm -rf /usr/lib/*-linux-gnu/gconv
rm -rf /usr/share/man /usr/share/info /usr/share/locale/* /usr/share/python-wheels /var/cache/* /var/lib/apt/lists/* /var/log/*
for packages in /usr/lib/python3/dist-packages /usr/local/lib/python3.11/site-packages; do
    rm -rf "$packages"/pip "$packages"/pip-* "$packages"/setuptools* "$packages"/wheel* "$packages"/pkg_resources \
        "$packages"/_distutils_hack "$packages"/distutils-precedence.pth
done
rm -f /usr/bin/pip* /usr/bin/wheel /usr/local/bin/pip* /usr/local/bin/wheel
for library in /usr/lib/python3.11 /usr/local/lib/python3.11; do
    rm -rf "$library"/ensurepip "$library"/idlelib "$library"/test "$library"/lib2to3 "$library"/turtledemo "$library"/pydoc_data
done
# Nobody here becomes another user.
find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
# Bytecode of the standard library: python's own image has none, and a read-only root keeps none that a process makes.
library=$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
python -m compileall -q -f --invalidation-mode checked-hash -x '/(site|dist)-packages/' "$library"
