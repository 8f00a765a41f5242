# Debian 12 lacks msgspec, and what it has of much else is too old: there the package brings the
# Python packages that it needs, in an environment of its own. releasing/suites.py has fetched their
# wheels by hash before the build, which sees no network.
WHEELS = /wheels
PRIVATE = usr/lib/mtasts-resolver
PYTHON = /$(PRIVATE)/bin/python3
SITE = $(PRIVATE)/lib/python3.11/site-packages

# What makes a directory an environment is two files; `python3 -m venv` adds scripts that nobody
# sources here. Debian's own packages come last: python3-matplotlib and python3-zstandard are found,
# and whatever the environment has is taken from it. pip gets names and no files: else it notes the
# path at which it found them.
override_dh_auto_install:
	install -d $(INTO)$(PYTHON:/python3=) $(INTO)/$(SITE) $(INTO)/usr/bin
	ln -s /usr/bin/python3.11 $(INTO)$(PYTHON)
	printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >$(INTO)/$(PRIVATE)/pyvenv.cfg
	python3 -m pip --python $(INTO)$(PYTHON) install --quiet --no-index --no-compile \
		--find-links $(WHEELS) --find-links .pybuild/cpython3_3.11_$(PYBUILD_NAME) mtasts-resolver
	echo /usr/lib/python3/dist-packages >$(INTO)/$(SITE)/debian.pth
	# Nobody's PYTHONPATH and nobody's home come into a program that runs as root.
	sed '1c#!$(PYTHON) -I' $(INTO)/$(PRIVATE)/bin/mtasts-resolver >$(INTO)/usr/bin/mtasts-resolver
	chmod 755 $(INTO)/usr/bin/mtasts-resolver
	find $(INTO)/$(PRIVATE)/bin -type f -delete
	mv $(INTO)/$(PRIVATE)/share $(INTO)/usr
	mv $(INTO)/$(PRIVATE)/lib/systemd $(INTO)/usr/lib
	# Which authorities are trusted is for the host to say.
	ln -sf /etc/ssl/certs/ca-certificates.crt $(INTO)/$(SITE)/certifi/cacert.pem
	python3 -m releasing.bundled $(INTO) $(SITE) >>debian/copyright
	# dpkg knows what is installed; without this, pip leaves it alone.
	rm $(INTO)/$(SITE)/*.dist-info/RECORD
	# What compilers and testers want.
	find $(INTO)/$(SITE) -name '*.py[xi]' -o -name '*.px[di]' -o -name '*.[ch]' | xargs rm
	rm -r $(INTO)/$(SITE)/certifi/tests

# It depends on python3.11, and not on Debian 12's python3: at an upgrade to Debian 13 both stay, and
# the daemon runs until the package for Debian 13 is installed.
override_dh_python3:
	dh_python3 --no-guessing-deps --no-ext-rename /$(PRIVATE)

# Debian 12's dh_installsystemd looks for units in another place than Debian 13's.
execute_before_dh_installsystemd:
	install -d $(INTO)/lib
	mv $(INTO)/usr/lib/systemd $(INTO)/lib
execute_after_dh_installsystemd:
	mv $(INTO)/lib/systemd $(INTO)/usr/lib
	rmdir $(INTO)/lib

# The wheels come without what a debugger wants, or with it in a form that Debian's tools refuse.
override_dh_dwz:
override_dh_strip:
	dh_strip --no-automatic-dbgsym

execute_after_dh_lintian:
	cat debian/wheels.lintian-overrides >>$(INTO)/usr/share/lintian/overrides/mtasts-resolver
